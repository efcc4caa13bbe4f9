import { pathToFileURL } from 'node:url';

import type { Finding, Place, TraceStep } from '../finding.js';

interface About {
  readonly name: string;
  readonly about: string;
}

function locationOf({ file, line, column }: Place, text?: string): object {
  return {
    physicalLocation: { artifactLocation: { uri: encodeURI(file), uriBaseId: 'ROOT' }, region: { startLine: line, startColumn: column } },
    ...(text !== undefined && { message: { text } }),
  };
}

function flowOf(trace: readonly TraceStep[]): object {
  return { threadFlows: [{ locations: trace.map((step) => ({ location: locationOf(step, step.text) })) }] };
}

/** Findings as SARIF 2.1.0, which code hosts and editors show at the lines. */
export function sarifReport(findings: readonly Finding[], rules: readonly About[], directory: string): string {
  const run = {
    tool: {
      driver: { name: 'stackful analyze', rules: rules.map(({ name, about }) => ({ id: name, shortDescription: { text: about } })) },
    },
    originalUriBaseIds: { ROOT: { uri: `${pathToFileURL(directory).href}/` } },
    columnKind: 'utf16CodeUnits',
    results: findings.map((finding) => ({
      ruleId: finding.rule,
      ruleIndex: rules.findIndex(({ name }) => name === finding.rule),
      level: finding.severity,
      message: { text: finding.message },
      locations: [locationOf(finding)],
      ...(finding.trace.length > 0 && { codeFlows: [flowOf(finding.trace)] }),
    })),
  };
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] };
  return `${JSON.stringify(log, undefined, 2)}\n`;
}
