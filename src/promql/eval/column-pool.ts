import { SampleColumns } from "../../storage/columns.js";

/**
 * Columns that evaluations have used and others will use again. A query runs to completion on its thread, so
 * that only nested selectors ever hold more than one.
 */
const pool: SampleColumns[] = [];
const POOL_MAX = 8;
/** Larger ones are left to the garbage collector. */
const CAPACITY_MAX = 1 << 20;

export function takeColumns(): SampleColumns {
  const columns = pool.pop() ?? new SampleColumns();
  columns.clear();
  return columns;
}

export function giveColumns(columns: SampleColumns): void {
  if (pool.length < POOL_MAX && columns.capacity <= CAPACITY_MAX) pool.push(columns);
}
