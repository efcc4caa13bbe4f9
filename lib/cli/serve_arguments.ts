import type { AccessLogOptions, ServeOptions, StaticOptions } from '../http.js';
import { UsageError } from './errors.js';
import type { CertificateFiles } from './serving.js';
import { SERVE } from './tables.js';
import { valuesFrom } from './values.js';

/** What `stackful serve` was told. */
export interface ServeArguments {
  directory: string;
  port: number;
  host: string;
  inspectPort: number | undefined;
  metrics: { host: string; port: number } | undefined;
  /** 0: this process serves. */
  workers: number;
  /** Whether this process is one of the workers. */
  worker: boolean;
  policy: 'connections' | 'accept' | undefined;
  options: Pick<ServeOptions, 'shed' | 'maxConnections' | 'http2' | 'proxyProtocol'>;
  files: StaticOptions;
  log: AccessLogOptions | undefined;
  /** Paths of PEM files; undefined: HTTP. */
  tls: CertificateFiles | undefined;
}

/** @throws UsageError, CliError */
export async function serveArguments(args: string[]): Promise<ServeArguments> {
  const values = await valuesFrom(SERVE, args);
  const { directory, host, port, policy, inspect, metrics, worker, shed, connections, http2, proxyProtocol } = values;
  const { compress, precompressed, spa, listing } = values;
  if (directory === undefined) throw new UsageError('serve: which directory?');
  const options = {
    ...(shed !== undefined && { shed: { delayMs: shed } }),
    ...(http2 && { http2: true }),
    ...(proxyProtocol && { proxyProtocol: true }),
    ...(connections !== undefined && { maxConnections: connections }),
  };
  const files = { compress, precompressed, spa, listing };
  const log = logOf(values.log, values.logFormat);
  const tls = certificateOf(values.cert, values.key);
  const workers = values.workers ?? 0;
  return { tls, files, log, directory, port, host, inspectPort: inspect, metrics, workers, worker, policy, options };
}

export function certificateOf(cert: string | undefined, key: string | undefined): CertificateFiles | undefined {
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--cert and --key belong together');
  return cert === undefined ? undefined : { cert, key: key! };
}

/** `-` is standard output. */
function logOf(file: string | undefined, format: AccessLogOptions['format']): AccessLogOptions | undefined {
  if (file === undefined && format !== undefined) throw new UsageError('--log-format belongs to --log FILE');
  return file === undefined ? undefined : { ...(file !== '-' && { file }), ...(format !== undefined && { format }) };
}
