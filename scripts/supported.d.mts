export function unsupported(runtime: {
  platform: string;
  arch: string;
  versions: Record<string, string | undefined>;
}): string | undefined;
export const version: string;
