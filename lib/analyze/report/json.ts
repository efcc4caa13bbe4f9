import type { Finding } from '../finding.js';

/** Findings as JSON: `{ findings: [{ rule, severity, message, file, line, column, trace }] }`. */
export function jsonReport(findings: readonly Finding[]): string {
  return `${JSON.stringify({ findings }, undefined, 2)}\n`;
}
