import { join } from 'node:path';

import { readFileSync } from '../../internal/originals.js';
import type { Finding, Severity } from '../finding.js';

/** Findings for people: each with the source line and the calls that lead to the call that parks. */
export function textReport(findings: readonly Finding[], directory: string): string {
  const sources = new Map<string, string[]>();
  const lineOf = (file: string, line: number): string => {
    let lines = sources.get(file);
    if (!lines) sources.set(file, (lines = linesOf(join(directory, file))));
    return lines[line - 1] ?? '';
  };
  const shown = findings.map((finding) => {
    const { file, line, column, severity, rule, message, trace } = finding;
    const source = lineOf(file, line);
    const number = String(line);
    const frame = source === '' ? [] : [`  ${number} | ${source}`, `  ${' '.repeat(number.length)} | ${source.slice(0, column - 1).replace(/[^\t]/g, ' ')}^`];
    const steps = trace.map((step) => `    ${step.file}:${String(step.line)}:${String(step.column)}  ${step.text}`);
    return [`${file}:${String(line)}:${String(column)} ${severity} ${rule}: ${message}`, ...frame, ...steps, ''].join('\n');
  });
  return `${shown.join('\n')}${shown.length > 0 ? '\n' : ''}${summaryOf(findings)}\n`;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function summaryOf(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'nothing found';
  const count = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  const parts = (['error', 'warning', 'note'] as const).map((severity) => [severity, count(severity)] as const).filter(([, n]) => n > 0);
  return parts.map(([severity, n]) => `${String(n)} ${severity}${n === 1 ? '' : 's'}`).join(', ');
}
