// The numbers that the soaks are given.

/** Ends the process with 2 unless `text` is a whole number above zero; `_` may part its digits. */
export function wholeNumber(name, text) {
  const value = Number(text.replaceAll('_', ''));
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`soak: --${name}: "${text}" is not a whole number above zero`);
  process.exit(2);
}
