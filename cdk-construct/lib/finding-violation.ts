/**
 * One finding of the core as one violation of the CDK's validation report.
 *
 * It knows both formats and nothing else. Severity, message and help pass unchanged.
 */
import * as path from 'node:path';
import type { PolicyViolation } from 'aws-cdk-lib';
import type { SynthesizedApp } from './synthesized-app';

/** A place in a file of the assembly. */
export interface CoreLocation {
  /** Relative to the assembly's directory. */
  readonly file?: string | null;
  /** JSON pointer into the file. */
  readonly pointer?: string | null;
  /** Line, from 1. */
  readonly line?: number | null;
}

/** A finding as `check` reports it; what is unknown is null. */
export interface CoreFinding {
  readonly rule: string;
  readonly severity: string;
  readonly message: string;
  readonly stack?: string | null;
  readonly resource?: string | null;
  readonly constructPath?: string | null;
  readonly container?: string | null;
  readonly location?: CoreLocation | null;
  readonly notes?: readonly { readonly message: string; readonly location?: CoreLocation | null }[];
  readonly help?: readonly string[];
  readonly url?: string | null;
}

/** The part of the core's report that is passed on. */
export interface CoreReport {
  readonly findings: readonly CoreFinding[];
  readonly unreadable?: readonly { readonly file: string; readonly message: string }[];
}

/** Maps one finding. */
export function toViolation(finding: CoreFinding, app: SynthesizedApp, pluginName: string): PolicyViolation {
  const { ruleName, constructPath, acknowledged } = nameAndPlace(finding, app, pluginName);
  const templatePath = app.templateOf(finding);
  const elsewhere = finding.location?.file && app.absolute(finding.location.file) !== templatePath;
  const notes = (finding.notes ?? []).map((note) => ({ message: note.message, location: note.location }));
  const lines = [
    elsewhere ? `${finding.message} (${place(finding.location, app)})` : finding.message,
    ...notes.map(({ message, location }) => {
      const where = place(location, app);
      return where ? `note: ${message} (${where})` : `note: ${message}`;
    }),
  ];
  return {
    ruleName,
    severity: finding.severity,
    description: lines.join('\n   '),
    fix: finding.help?.length ? finding.help.join('\n') : undefined,
    ruleMetadata: finding.url ? { url: finding.url } : undefined,
    violatingResources: [
      {
        resourceLogicalId: finding.resource ?? undefined,
        templatePath,
        constructPath,
        locations: elsewhere ? [] : propertyPath(finding),
      },
      // The CDK CLI drops what is in stacks that were not selected, and a plain `cdk synth` selects no stack of a stage: an
      // error there would pass in silence. What stands nowhere is never dropped.
      ...(finding.severity === 'error' && !acknowledged && app.isInStage(finding) ? [{ locations: [] }] : []),
    ],
  };
}

/**
 * Chooses under which name and on which construct the finding can be acknowledged.
 *
 * The CDK suppresses a violation only by its exact name, here `rule` or `rule[container]`: the name that the app has
 * acknowledged around the construct is the one to give. Nothing is suppressed here; the CDK does that, with reason and
 * audit trail. The path is that of the container when it has a construct, so that an acknowledgement on it counts too.
 *
 * aws-cdk-lib 2.262 applies an acknowledgement to the whole app, 2.276 to the construct. So when a name is acknowledged elsewhere only,
 * the finding takes the next name.
 */
function nameAndPlace(
  finding: CoreFinding,
  app: SynthesizedApp,
  pluginName: string,
): { readonly ruleName: string; readonly constructPath: string | undefined; readonly acknowledged: boolean } {
  const { rule, container } = finding;
  const names = container ? [rule, `${rule}[${container}]`] : [rule];
  const paths = app.constructPathsOf(finding);
  for (const constructPath of paths) {
    const ruleName = names.find((name) => app.isAcknowledged(`${pluginName}::${name}`, constructPath));
    if (ruleName) {
      return { ruleName, constructPath, acknowledged: true };
    }
  }
  const unique = `${rule}[${[finding.stack, finding.resource, container].filter(Boolean).join('/')}]`;
  const ruleName = [...names, unique].find((name) => !app.isAcknowledged(`${pluginName}::${name}`)) ?? unique;
  return { ruleName, constructPath: paths[0], acknowledged: false };
}

/** `Properties.ContainerDefinitions.0.Image`, from the resource on, as the CDK's own validation names places. */
function propertyPath({ location, resource }: CoreFinding): string[] {
  const steps = (location?.pointer ?? '')
    .split('/')
    .slice(1)
    .map((step) => step.replace(/~1/g, '/').replace(/~0/g, '~'));
  return steps.length > 2 && steps[0] === 'Resources' && steps[1] === resource ? [steps.slice(2).join('.')] : [];
}

/** A place for people: relative to the working directory, with the line. */
function place(location: CoreLocation | null | undefined, app: SynthesizedApp): string | undefined {
  if (!location?.file) {
    return undefined;
  }
  const file = path.relative(process.cwd(), app.absolute(location.file));
  return location.line ? `${file}:${location.line}` : file;
}
