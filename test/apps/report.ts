// The report of `ecs-arch check --format json`, as far as the apps assert it, and the comparison with what they expect.
import type { Expectation, Verdict } from './checked-app.ts';

export interface Report {
  readonly schema: number;
  readonly summary: { errors: number; warnings: number; workloads: Record<Verdict, number> };
  readonly workloads: readonly Workload[];
  readonly findings: readonly Finding[];
}

export interface Workload {
  readonly verdict: Verdict;
  readonly stack: string;
  readonly resource: string;
  readonly constructPath: string | null;
  readonly container: string;
  readonly imagePlatforms: readonly string[] | null;
  readonly runsOn: readonly string[] | null;
  readonly why: string | null;
  readonly findings: readonly number[];
}

export interface Finding {
  readonly rule: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  readonly notes?: readonly { message: string }[];
}

/** What differs between the report and the expectations, one sentence each; empty when they agree. */
export function differences(report: Report, expected: readonly Expectation[]): string[] {
  const problems: string[] = [];
  const left = new Set(report.workloads);
  for (const expectation of expected) {
    const candidates = [...left].filter((workload) => isAbout(expectation, workload));
    if (candidates.length !== 1) {
      problems.push(`${name(expectation)}: reported ${candidates.length} times, expected once`);
    }
    for (const workload of candidates) {
      left.delete(workload);
      problems.push(...mismatches(report, workload, expectation).map((text) => `${name(expectation)}: ${text}`));
    }
  }
  for (const workload of left) {
    problems.push(`\`${workload.container}\` of ${workload.constructPath ?? workload.resource}: not expected at all`);
  }
  return problems;
}

/** What differs between the errors that concern no container and those that are expected; nothing is asserted without any. */
export function apart(report: Report, expected: readonly string[] | undefined): string[] {
  if (expected === undefined) return [];
  const ofWorkloads = new Set(report.workloads.flatMap((workload) => workload.findings));
  const found = report.findings.filter((finding, index) => finding.severity === 'error' && !ofWorkloads.has(index));
  const [wanted, actual] = [sorted(expected), sorted(found.map((finding) => finding.rule))].map((r) =>
    JSON.stringify(r),
  );
  return wanted === actual ? [] : [`errors that concern no container: expected ${wanted}, got ${actual}`];
}

/** The report in a few lines, for the person who reads why a test failed. */
export function describe(report: Report): string {
  const workloads = report.workloads.map((workload) => {
    const findings = workload.findings.map((index) => `#${index}`).join(' ') || 'no findings';
    const platforms = `image ${list(workload.imagePlatforms)}, runs on ${list(workload.runsOn)}`;
    const path = workload.constructPath ?? workload.resource;
    return `  ${workload.verdict}: \`${workload.container}\` of ${path}, ${platforms}, ${findings}\n    why: ${workload.why}`;
  });
  const findings = report.findings.map((finding, index) => {
    const notes = (finding.notes ?? []).map((note) => `\n    note: ${note.message}`).join('');
    return `  #${index} ${finding.severity} ${finding.rule}: ${finding.message}${notes}`;
  });
  return [...workloads, ...findings].join('\n') || '  (no workloads, no findings)';
}

function isAbout(expectation: Expectation, workload: Workload): boolean {
  const path = workload.constructPath ?? '';
  const task = expectation.task;
  return (
    workload.container === expectation.container &&
    (task === undefined || path === task || path.startsWith(`${task}/`)) &&
    (expectation.resource === undefined || workload.resource === expectation.resource)
  );
}

function mismatches(report: Report, workload: Workload, expectation: Expectation): string[] {
  const rules = workload.findings.map((index) => report.findings[index]?.rule ?? `missing finding #${index}`);
  const facts: [string, unknown, unknown][] = [
    ['verdict', expectation.verdict, workload.verdict],
    ['rules', sorted(expectation.rules ?? []), sorted(rules)],
    ['stack', expectation.stack, workload.stack],
    ['image platforms', sorted(expectation.imagePlatforms), sorted(workload.imagePlatforms)],
    ['runs on', sorted(expectation.runsOn), sorted(workload.runsOn)],
  ];
  const problems = facts
    .filter(([, expected, actual]) => expected !== undefined && JSON.stringify(expected) !== JSON.stringify(actual))
    .map(([fact, expected, actual]) => `${fact}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
  if (expectation.why !== undefined && !expectation.why.test(workload.why ?? '')) {
    problems.push(`why: expected ${expectation.why}, got ${JSON.stringify(workload.why)}`);
  }
  return problems;
}

function sorted<T extends readonly string[] | null | undefined>(values: T): readonly string[] | T {
  return values ? [...new Set(values)].sort() : values;
}

function list(values: readonly string[] | null): string {
  return values === null ? 'unknown' : values.join(' or ') || 'nowhere';
}

function name(expectation: Expectation): string {
  return `\`${expectation.container}\`${expectation.task ? ` of ${expectation.task}` : ''}`;
}
