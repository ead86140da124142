export function noop(a: i32): i32 { return a; }
