export function fetchPackage(name: string, version: string, directory: string): Promise<void>;
