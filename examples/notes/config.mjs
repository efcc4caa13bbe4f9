// What the environment says, checked before anything starts: a mistake is a line at the start, not an error in the night.
import { resolve } from 'node:path';

/**
 * @typedef {object} Config
 * @property {string} host where the server listens
 * @property {number} port 0: a free one
 * @property {number} connections of the pool of the database
 * @property {string} uploads the folder for attachments
 * @property {number} uploadBytes the most of one attachment
 * @property {number} patienceMs how long a request may take, uploads and live connections aside
 * @property {number} drainMs how long requests under way may take once the server is told to end
 * @property {string | undefined} accessLog a file; standard output if undefined
 */

/** Tells all that is wrong at once. */
export class ConfigError extends Error {
  name = 'ConfigError';
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Config}
 */
export function configOf(env) {
  const wrong = [];
  const number = (name, otherwise, least, most) => {
    const value = env[name] === undefined || env[name] === '' ? otherwise : Number(env[name]);
    if (!Number.isInteger(value) || value < least || value > most) {
      wrong.push(`${name} has to be a whole number from ${least} to ${most}, not ${JSON.stringify(env[name])}`);
    }
    return value;
  };
  const config = {
    host: env.HOST || '127.0.0.1',
    port: number('PORT', 8080, 0, 65_535),
    connections: number('DATABASE_CONNECTIONS', 10, 1, 1000),
    uploads: resolve(env.UPLOADS || 'notes-uploads'),
    uploadBytes: number('UPLOAD_BYTES', 10_000_000, 1, 2 ** 40),
    patienceMs: number('PATIENCE_MS', 5000, 1, 600_000),
    drainMs: number('DRAIN_MS', 10_000, 0, 600_000),
    accessLog: env.ACCESS_LOG || undefined,
  };
  if (wrong.length > 0) throw new ConfigError(wrong.join('\n'));
  return config;
}
