// Rows of 20 KiB of JSON that differ from request to request, as those of a database do, and the level at which all compress them.
export const LEVEL = 1;

let requests = 0;

export function accountRows() {
  const first = ++requests % 100_000;
  return Array.from({ length: 225 }, (_, index) => {
    const id = first + index;
    return { id, name: `user ${id}`, email: `user.${(id * 7919) % 100_000}@example.com`, balance: ((id * 3725) % 100_000) / 100, active: id % 3 !== 0 };
  });
}
