/** The version of the core. */
export function version(): string;

/**
 * Judges cloud assemblies or CloudFormation templates.
 *
 * @param request JSON: `{ paths: string[], lock?: string | null, parameters?: Record<string, string>,
 *   hostArchitecture?: 'x86_64' | 'arm64' | null, containerTool?: 'docker' | 'finch' }`
 * @returns the report as JSON, schema 1
 * @throws Error where the request is not understood or the lock file cannot be read
 */
export function check(request: string): string;

/** `x86_64` or `arm64` by the name of an EC2 instance type; null for what is not one. */
export function architectureOfInstanceType(name: string): string | null;

/** The rules as JSON: an array of `{ name, summary }`. */
export function rules(): string;
