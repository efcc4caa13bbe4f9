const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const MONTH = MONTHS.join('|');
const TIME = String.raw`(?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})`;
const SHORT_DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';

/** RFC 9110 section 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`, and the two obsolete forms, which recipients must accept. */
const FORMS = [
  new RegExp(`^${SHORT_DAY}, (?<day>\\d{2}) (?<month>${MONTH}) (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d{2})-(?<month>${MONTH})-(?<year>\\d{2}) ${TIME} GMT$`),
  new RegExp(`^${SHORT_DAY} (?<month>${MONTH}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
];

/** A year of two digits means the latest year that is at most 50 years ahead. */
function yearOf(digits: string): number {
  const year = Number(digits);
  if (digits.length === 4) return year;
  const now = new Date().getUTCFullYear();
  const inThisCentury = now - (now % 100) + year;
  return inThisCentury > now + 50 ? inThisCentury - 100 : inThisCentury;
}

/** An HTTP-date in milliseconds since 1970; undefined for anything else. */
export function parseDate(text: string): number | undefined {
  for (const form of FORMS) {
    const parts = form.exec(text)?.groups as Record<'day' | 'month' | 'year' | 'hour' | 'minute' | 'second', string> | undefined;
    if (!parts) continue;
    const [day, hour, minute, second] = [parts.day, parts.hour, parts.minute, parts.second].map(Number) as [number, number, number, number];
    const month = MONTHS.indexOf(parts.month);
    const date = new Date(Date.UTC(2000, month, day, hour, minute, Math.min(second, 59)));
    // Date.UTC takes years below 100 for 19xx.
    date.setUTCFullYear(yearOf(parts.year), month, day);
    const valid = date.getUTCDate() === day && hour < 24 && minute < 60 && second <= 60;
    return valid ? date.getTime() : undefined;
  }
  return undefined;
}
