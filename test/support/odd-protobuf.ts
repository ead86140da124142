/** Remote Write messages in every spelling that protobuf allows, most of which no sender uses. */
import * as fc from "fast-check";
import { labelPairs, labelValue } from "./arbitraries.js";

/** One field: its bytes, tag included. */
type Field = readonly number[];

/** The longest length that protobufjs reads; Go and the kernel read ten bytes. */
const LENGTH_BYTES_MAX = 5;

/** A varint with up to `padding` needless bytes. */
function varint(value: number | bigint, padding = 0, bytesMax = 10): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 128n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  for (let i = 0; i < padding && bytes.length < bytesMax; i++) {
    bytes[bytes.length - 1] |= 128;
    bytes.push(0);
  }
  return bytes;
}

function bytesField(number: number, content: readonly number[], padding = 0): Field {
  return [...varint(number * 8 + 2), ...varint(content.length, padding, LENGTH_BYTES_MAX), ...content];
}

function varintField(number: number, value: number | bigint, padding = 0): Field {
  return [...varint(number * 8), ...varint(value, padding)];
}

function doubleField(number: number, value: number): Field {
  return [...varint(number * 8 + 1), ...new Uint8Array(Float64Array.of(value).buffer)];
}

const text = new TextEncoder();
const padding = fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, fc.nat({ max: 4 }));

/** A field of a number that no message here knows, or of a known number with a wire type that it never has. */
const unknownField: fc.Arbitrary<Field> = fc.oneof(
  fc.tuple(fc.integer({ min: 17, max: 2 ** 29 - 1 }), fc.nat()).map(([n, v]) => varintField(n, v)),
  fc
    .tuple(fc.integer({ min: 17, max: 4000 }), fc.uint8Array({ maxLength: 9 }))
    .map(([n, b]) => bytesField(n, [...b])),
  fc.constantFrom<Field>([0x8d, 0x01, 1, 2, 3, 4], [0x89, 0x01, 1, 2, 3, 4, 5, 6, 7, 8]),
);

/** Fields in their order or any other, with unknown ones between. */
function message(fields: readonly (readonly Field[])[], shuffle: boolean): fc.Arbitrary<number[]> {
  const flat = fields.flat();
  const ordered = shuffle ? fc.shuffledSubarray(flat, { minLength: flat.length }) : fc.constant(flat);
  const strays = fc.oneof(
    { weight: 6, arbitrary: fc.constant<[number, Field][]>([]) },
    fc.array(fc.tuple(fc.nat({ max: 8 }), unknownField), { maxLength: 2 }),
  );
  return fc.tuple(ordered, strays).map(([list, extra]) => {
    const all = [...list];
    for (const [at, field] of extra) all.splice(Math.min(at, all.length), 0, field);
    return all.flat();
  });
}

function sample(startMs: number): fc.Arbitrary<number[]> {
  const timestamp = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: startMs - 3_600_000, max: startMs }) },
    fc.constantFrom(0, 1, -5, 127, 128, 16_383, 2 ** 35, 2 ** 42),
  );
  const value = fc.oneof(fc.double(), fc.constantFrom(0, -0, 1, Number.NaN));
  return fc
    .tuple(timestamp, value, padding, fc.boolean(), fc.boolean(), fc.boolean())
    .chain(([t, v, pad, omitZero, twice, shuffle]) => {
      const times = t === 0 && omitZero ? [] : [varintField(2, BigInt(t), pad)];
      const values = Object.is(v, 0) && omitZero ? [] : [doubleField(1, v)];
      // the last of a single field wins
      const earlier = twice && times.length > 0 && !shuffle ? [varintField(2, 7), doubleField(1, 7)] : [];
      const started = twice ? [varintField(3, 12_345)] : [];
      return message([earlier, values, times, started], shuffle && earlier.length === 0);
    });
}

const series1 = (startMs: number): fc.Arbitrary<number[]> =>
  fc
    .tuple(labels, fc.array(fc.tuple(sample(startMs), padding), { maxLength: 4 }), fc.nat({ max: 5 }))
    .chain(([pairs, samples, scatter]) => {
      const label = ([name, value]: readonly [string, string]): Field => {
        const nameField = bytesField(1, [...text.encode(name)]);
        const valueField = value === "" ? [] : bytesField(2, [...text.encode(value)]);
        return bytesField(1, scatter === 1 ? [...valueField, ...nameField] : [...nameField, ...valueField]);
      };
      const values = samples.map(([content, pad]) => bytesField(2, content, pad));
      return message([pairs.map(label), values], scatter === 0);
    });

const labels: fc.Arbitrary<(readonly [string, string])[]> = fc
  .tuple(labelValue, labelPairs, fc.boolean())
  .map(([name, pairs, absent]) => [
    ["__name__", name],
    ...pairs.filter(([other]) => other !== "__name__" && other !== "gone"),
    ...(absent ? [["gone", ""] as const] : []),
  ]);

/** A 1.0 request. */
export function oddRequest1(startMs: number): fc.Arbitrary<Uint8Array> {
  const one = fc.tuple(series1(startMs), padding).map(([content, pad]) => bytesField(1, content, pad));
  return fc
    .array(one, { maxLength: 5 })
    .chain((series) => message([series], false))
    .map((bytes) => Uint8Array.from(bytes));
}

/** References as one packed field, several, single ones, or a mixture. */
function references(refs: readonly number[]): fc.Arbitrary<Field[]> {
  const cuts = fc.array(fc.nat({ max: 3 }), { minLength: refs.length, maxLength: refs.length });
  const mixed = fc.tuple(cuts, padding).map(([sizes, pad]) => {
    const fields: Field[] = [];
    for (let at = 0, i = 0; at < refs.length; i++) {
      const size = sizes[i];
      if (size === 0) fields.push(varintField(1, refs[at++], pad));
      else {
        fields.push(
          bytesField(
            1,
            refs.slice(at, at + size).flatMap((ref) => varint(ref, pad)),
            pad,
          ),
        );
        at += size;
      }
    }
    return fields;
  });
  const packed = padding.map((pad) => [
    bytesField(
      1,
      refs.flatMap((ref) => varint(ref, pad)),
    ),
  ]);
  return fc.oneof({ weight: 3, arbitrary: packed }, mixed);
}

/** A 2.0 request; symbols may stand before, between and behind the series. */
export function oddRequest2(startMs: number): fc.Arbitrary<Uint8Array> {
  const one = fc.record({
    labels,
    samples: fc.array(fc.tuple(sample(startMs), padding), { maxLength: 4 }),
    behind: fc.boolean(),
    pad: padding,
  });
  return fc
    .tuple(fc.array(one, { maxLength: 5 }), fc.boolean())
    .chain(([list, symbolsLast]) => {
      const symbols = [...new Set(["", ...list.flatMap((s) => s.labels.flat())])];
      const series = list.map(({ labels: pairs, samples, behind, pad }) =>
        references(pairs.flat().map((symbol) => symbols.indexOf(symbol))).chain((refs) => {
          const values = samples.map(([content, p]) => bytesField(2, content, p));
          return message(behind ? [values, refs] : [refs, values], false).map((content) =>
            bytesField(5, content, pad),
          );
        }),
      );
      const symbolFields = symbols.map((symbol) => bytesField(4, [...text.encode(symbol)]));
      return fc
        .tuple(...series)
        .chain((fields) => message(symbolsLast ? [fields, symbolFields] : [symbolFields, fields], false));
    })
    .map((bytes) => Uint8Array.from(bytes));
}
