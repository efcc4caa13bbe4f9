/** The figures on a page in Prometheus's text format, by name and labels; throws for a line that is none. */
export function figuresIn(page: string): Map<string, number> {
  const figures = new Map<string, number>();
  const typed = new Set<string>();
  for (const line of page.split('\n')) {
    if (line === '') continue;
    const [, name] = /^# (?:HELP|TYPE) (\S+) \S/.exec(line) ?? [];
    if (name !== undefined) {
      typed.add(name);
      continue;
    }
    const [, series, value] = /^([a-zA-Z_]\w*(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})?) (\S+)$/.exec(line) ?? [];
    if (series === undefined || Number.isNaN(Number(value))) throw new Error(`not Prometheus's format: ${line}`);
    if (!typed.has(series.replace(/\{.*/, ''))) throw new Error(`${series} has no type`);
    if (figures.has(series)) throw new Error(`${series} stands there twice`);
    figures.set(series, Number(value));
  }
  return figures;
}
