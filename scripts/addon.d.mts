export function runNodeGyp(options: {
  directory: string;
  args: string[];
  node?: string;
  jobs?: number;
  quiet?: boolean;
}): Promise<{ code: number; output: string }>;
