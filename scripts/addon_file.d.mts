interface Runtime {
  arch: string;
  versions: Record<string, string | undefined>;
  env?: Record<string, string | undefined>;
}
export function addonFiles(root: string, runtime: Runtime): string[];
export function addonFile(root: string, runtime: Runtime): string | undefined;
export function repair(root: string): string;
export function noAddon(root: string, runtime: Runtime): string;
