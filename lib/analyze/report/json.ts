import type { Finding } from '../finding.js';

/** Findings as JSON: `{ findings: [{ rule, severity, message, file, line, column, trace }] }`. */
export function jsonReport(findings: readonly Finding[]): string {
  const shown = findings.map(({ rule, severity, message, file, line, column, trace }) => ({ rule, severity, message, file, line, column, trace }));
  return `${JSON.stringify({ findings: shown }, undefined, 2)}\n`;
}
