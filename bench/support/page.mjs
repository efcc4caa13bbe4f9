/** Work of about a millisecond, the same for every server: a checksum that no compiler can leave out. */
export function page() {
  let sum = 1;
  for (let i = 0; i < 600_000; i++) sum = (Math.imul(sum, 1664525) + 1013904223) | 0;
  return `${sum}\n`;
}
