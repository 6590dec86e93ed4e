/**
 * The plugin between the CDK and the native core. The core here is a fake that answers what the test gives it, so what is
 * tested is the mapping: what the core is asked, what becomes of its findings, how they are acknowledged. The findings
 * themselves are the core's, tested with it.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { type App, NestedStack, Stack, Stage, Validations } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { ArchitectureCheck, type ArchitectureCheckProps } from '../lib/index';
import type { NativeBinding } from '../lib/native-binding';
import { newApp, scratch } from './synthesized';

const RULE = 'image-platform-mismatch';

interface Request {
  readonly paths: string[];
  readonly lock: string | null;
  readonly parameters: Record<string, string>;
  readonly hostArchitecture: string | null;
  readonly containerTool: string;
}

/** The check over a fake core. */
class FakedCheck extends ArchitectureCheck {
  public readonly requests: Request[] = [];

  public constructor(
    private readonly answer: (request: Request) => unknown,
    props?: ArchitectureCheckProps,
  ) {
    super(props);
  }

  protected _binding(): NativeBinding {
    return {
      check: (request: string) => {
        this.requests.push(JSON.parse(request));
        return JSON.stringify(this.answer(JSON.parse(request)));
      },
      rules: () => JSON.stringify([{ name: RULE }]),
    } as NativeBinding;
  }
}

interface Task {
  readonly stack: Stack;
  readonly task: ecs.TaskDefinition;
  readonly web: ecs.ContainerDefinition;
  readonly sidecar: ecs.ContainerDefinition;
}

function taskIn(stack: Stack): Task {
  const task = new ecs.FargateTaskDefinition(stack, 'Task');
  const web = task.addContainer('web', { image: ecs.ContainerImage.fromRegistry('web') });
  const sidecar = task.addContainer('sidecar', { image: ecs.ContainerImage.fromRegistry('sidecar') });
  return { stack, task, web, sidecar };
}

/** A finding about one container, as the core reports it. */
function finding({ stack, task }: Task, container: string | null, more: object = {}): Record<string, unknown> {
  const resource = stack.resolve((task.node.defaultChild as ecs.CfnTaskDefinition).logicalId);
  const file = path.relative(
    (stack.node.root as App).outdir,
    path.join(Stage.of(stack)?.outdir ?? '', stack.templateFile),
  );
  return {
    rule: RULE,
    severity: 'error',
    message: `\`${container}\` is built for linux/amd64 and runs on linux/arm64`,
    stack: stack.node.path,
    resource,
    constructPath: `${task.node.path}/Resource`,
    container,
    location: { file, pointer: `/Resources/${resource}/Properties/ContainerDefinitions/0/Image`, line: 42 },
    notes: [],
    help: [],
    url: null,
    ...more,
  };
}

interface ReportedConstruct {
  readonly constructPath: string;
  readonly cloudFormationResource?: { templatePath: string; logicalId: string; propertyPaths?: string[] };
}

interface Reported {
  readonly ruleName: string;
  readonly description: string;
  readonly suggestedFix?: string;
  readonly severity: string;
  readonly ruleMetadata?: Record<string, string>;
  readonly acknowledgedId?: string;
  readonly reason?: string;
  readonly violatingConstructs: ReportedConstruct[];
}

interface Outcome {
  readonly failed: boolean;
  readonly text: string;
  readonly violations: Reported[];
  readonly suppressed: Reported[];
}

/** Synthesizes with the checks that the app has, and reads what the CDK reports of them. */
function synthesize(app: App): Outcome {
  const printed: string[] = [];
  const before = console.error;
  console.error = (text: unknown) => printed.push(String(text));
  process.exitCode = undefined;
  let thrown = false;
  try {
    app.synth();
  } catch (error) {
    thrown = true;
    printed.push((error as Error).message);
  } finally {
    console.error = before;
  }
  const failed = thrown || process.exitCode === 1;
  process.exitCode = undefined;
  const file = path.join(app.outdir, 'validation-report.json');
  const { pluginReports = [] } = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {};
  const ours = pluginReports.filter((report: { pluginName: string }) => report.pluginName === 'ecs-arch');
  return {
    failed,
    text: printed.join('\n'),
    violations: ours.flatMap((report: { violations?: Reported[] }) => report.violations ?? []),
    suppressed: ours.flatMap((report: { suppressedViolations?: Reported[] }) => report.suppressedViolations ?? []),
  };
}

function checked(app: App, answer: (request: Request) => unknown, props?: ArchitectureCheckProps): FakedCheck {
  const check = new FakedCheck(answer, props);
  Validations.of(app).addPlugins(check);
  return check;
}

test('the plugin says its name, version and rules', () => {
  const check = new FakedCheck(() => ({ findings: [] }));
  assert.equal(check.name, 'ecs-arch');
  assert.equal(check.version, JSON.parse(fs.readFileSync(path.join(__dirname, '..', 'package.json'), 'utf8')).version);
  assert.deepEqual(check.ruleIds, [RULE, 'check-incomplete']);
});

test('an app without findings synthesizes', () => {
  const app = newApp();
  taskIn(new Stack(app, 'Web'));
  const check = checked(app, () => ({ findings: [] }));
  const outcome = synthesize(app);
  assert.equal(outcome.failed, false);
  assert.deepEqual(outcome.violations, []);
  assert.equal(check.requests.length, 1);
});

test('the core is asked about the whole assembly, for this host', () => {
  const app = newApp();
  taskIn(new Stack(new Stage(app, 'Prod'), 'Web'));
  const check = checked(app, () => ({ findings: [] }), { parameters: { Architecture: 'ARM64' } });
  synthesize(app);
  const host = { x64: 'x86_64', arm64: 'arm64' }[process.arch as string] ?? null;
  assert.deepEqual(check.requests, [
    {
      paths: [app.outdir],
      lock: null,
      parameters: { Architecture: 'ARM64' },
      hostArchitecture: host,
      containerTool: 'docker',
    },
  ]);
});

test('a lock file is passed when it lies in the working directory, or when it is named', () => {
  const directory = scratch();
  const before = process.cwd();
  const lockOf = (props?: ArchitectureCheckProps) => {
    const app = newApp();
    taskIn(new Stack(app, 'Web'));
    const check = checked(app, () => ({ findings: [] }), props);
    synthesize(app);
    return check.requests[0].lock;
  };
  process.chdir(directory);
  try {
    assert.equal(lockOf(), null);
    assert.equal(lockOf({ lockFile: 'facts.json' }), path.join(process.cwd(), 'facts.json'));
    fs.writeFileSync('ecs-arch.lock.json', '{}');
    assert.equal(lockOf(), path.join(process.cwd(), 'ecs-arch.lock.json'));
  } finally {
    process.chdir(before);
  }
});

test('a user of Finch gets help for Finch', () => {
  const before = process.env.CDK_DOCKER;
  try {
    for (const [tool, expected] of [
      ['finch', 'finch'],
      ['/usr/local/bin/finch', 'finch'],
      ['podman', 'docker'],
    ]) {
      process.env.CDK_DOCKER = tool;
      const app = newApp();
      taskIn(new Stack(app, 'Web'));
      const check = checked(app, () => ({ findings: [] }));
      synthesize(app);
      assert.equal(check.requests[0].containerTool, expected);
    }
  } finally {
    if (before === undefined) {
      delete process.env.CDK_DOCKER;
    } else {
      process.env.CDK_DOCKER = before;
    }
  }
});

test('an error fails the synthesis and arrives with all its parts', () => {
  const app = newApp();
  const web = taskIn(new Stack(app, 'Web'));
  checked(app, () => ({
    findings: [
      finding(web, 'web', {
        notes: [
          { message: 'the task asks for ARM64', location: { file: 'Web.template.json', pointer: '/x', line: 7 } },
          { message: 'nothing else does' },
        ],
        help: ['set the platform:', "ArchImage.fromAsset('./web')"],
        url: 'https://example.com/rule',
      }),
    ],
  }));
  const { failed, text, violations } = synthesize(app);
  assert.equal(failed, true);
  assert.match(text, /`web` is built for linux\/amd64 and runs on linux\/arm64/);
  assert.match(text, /Acknowledge with 'ecs-arch::image-platform-mismatch'/);
  const template = path.relative(process.cwd(), path.join(app.outdir, 'Web.template.json'));
  assert.equal(violations.length, 1);
  const [violation] = violations;
  assert.equal(violation.ruleName, RULE);
  assert.equal(violation.severity, 'error');
  assert.equal(
    violation.description,
    `\`web\` is built for linux/amd64 and runs on linux/arm64\n   note: the task asks for ARM64 (${template}:7)\n   note: nothing else does`,
  );
  assert.equal(violation.suggestedFix, "set the platform:\nArchImage.fromAsset('./web')");
  assert.deepEqual(violation.ruleMetadata, { url: 'https://example.com/rule' });
  const [construct] = violation.violatingConstructs;
  assert.equal(construct.constructPath, 'Web/Task/web');
  assert.equal(construct.cloudFormationResource?.templatePath, 'Web.template.json');
  assert.match(construct.cloudFormationResource?.logicalId ?? '', /^Task/);
  assert.deepEqual(construct.cloudFormationResource?.propertyPaths, ['Properties.ContainerDefinitions.0.Image']);
});

test('a warning is reported and does not fail the synthesis', () => {
  const app = newApp();
  const web = taskIn(new Stack(app, 'Web'));
  checked(app, () => ({ findings: [finding(web, 'web', { severity: 'warning' })] }));
  const { failed, violations } = synthesize(app);
  assert.equal(failed, false);
  assert.deepEqual(
    violations.map((violation) => violation.severity),
    ['warning'],
  );
});

test('a finding of a place outside the template says where', () => {
  const app = newApp();
  const web = taskIn(new Stack(app, 'Web'));
  const location = { file: 'asset.1234/Dockerfile', pointer: null, line: 3 };
  checked(app, () => ({ findings: [finding(web, 'web', { location })] }));
  const [violation] = synthesize(app).violations;
  assert.match(violation.description, /\(.*asset\.1234[/\\]Dockerfile:3\)/);
  assert.equal(violation.violatingConstructs[0].cloudFormationResource?.templatePath, 'Web.template.json');
  assert.equal(violation.violatingConstructs[0].cloudFormationResource?.propertyPaths, undefined);
});

test('a finding without resource is shown on its stack', () => {
  const app = newApp();
  const web = taskIn(new Stack(app, 'Web'));
  const nothing = { resource: null, constructPath: null, location: null };
  checked(app, () => ({ findings: [finding(web, null, nothing)] }));
  const { failed, text, violations } = synthesize(app);
  assert.equal(failed, true);
  assert.equal(violations[0].violatingConstructs[0].constructPath, 'Web');
  assert.match(text, /image-platform-mismatch/);
});

test('an acknowledgement of the rule counts on the container, its task, its stack and the app', () => {
  for (const where of ['app', 'stack', 'task', 'resource', 'web'] as const) {
    const app = newApp();
    const web = taskIn(new Stack(app, 'Web'));
    const construct = { app, ...web, resource: web.task.node.defaultChild as ecs.CfnTaskDefinition }[where];
    Validations.of(construct).acknowledge({ id: `ecs-arch::${RULE}`, reason: 'built in CI' });
    checked(app, () => ({ findings: [finding(web, 'web')] }));
    const { failed, violations, suppressed } = synthesize(app);
    assert.equal(failed, false, where);
    assert.deepEqual(violations, [], where);
    assert.equal(suppressed[0].reason, 'built in CI', where);
    assert.equal(suppressed[0].acknowledgedId, `ecs-arch::${RULE}`, where);
  }
});

test('a rule can be acknowledged, whatever its name', () => {
  for (const rule of [RULE, 'page-size-assumption', 'a-rule-of-a-later-core']) {
    const app = newApp();
    const web = taskIn(new Stack(app, 'Web'));
    Validations.of(web.task).acknowledge({ id: `ecs-arch::${rule}`, reason: 'known' });
    checked(app, () => ({ findings: [finding(web, null, { rule }), finding(web, 'web', { rule })] }));
    const { failed, suppressed } = synthesize(app);
    assert.equal(failed, false, rule);
    assert.equal(suppressed.length, 2, rule);
  }
});

test('an acknowledgement of one container leaves the other', () => {
  const app = newApp();
  const web = taskIn(new Stack(app, 'Web'));
  Validations.of(web.task).acknowledge({ id: `ecs-arch::${RULE}[web]`, reason: 'built in CI' });
  checked(app, () => ({ findings: [finding(web, 'web'), finding(web, 'sidecar')] }));
  const { failed, violations, suppressed } = synthesize(app);
  assert.equal(failed, true);
  assert.deepEqual(
    violations.map(({ violatingConstructs }) => violatingConstructs[0].constructPath),
    ['Web/Task/sidecar'],
  );
  assert.deepEqual(
    suppressed.map(({ acknowledgedId }) => acknowledgedId),
    [`ecs-arch::${RULE}[web]`],
  );
});

test('an acknowledgement of the rule on one container construct leaves the other', () => {
  const app = newApp();
  const web = taskIn(new Stack(app, 'Web'));
  Validations.of(web.web).acknowledge({ id: `ecs-arch::${RULE}`, reason: 'built in CI' });
  checked(app, () => ({ findings: [finding(web, 'web'), finding(web, 'sidecar')] }));
  const { failed, violations } = synthesize(app);
  assert.equal(failed, true);
  assert.deepEqual(
    violations.map(({ violatingConstructs }) => violatingConstructs[0].constructPath),
    ['Web/Task/sidecar'],
  );
});

test('an acknowledgement somewhere else does not count', () => {
  for (const id of [`ecs-arch::${RULE}`, `ecs-arch::${RULE}[web]`]) {
    const app = newApp();
    const web = taskIn(new Stack(app, 'Web'));
    const other = taskIn(new Stack(app, 'Other'));
    Validations.of(other.task).acknowledge({ id, reason: 'another task' });
    checked(app, () => ({ findings: [finding(web, 'web'), finding(other, 'web')] }));
    const { failed, violations, suppressed } = synthesize(app);
    assert.equal(failed, true, id);
    assert.deepEqual(
      violations.map(({ violatingConstructs }) => violatingConstructs[0].constructPath),
      ['Web/Task/web'],
      id,
    );
    assert.equal(suppressed.length, 1, id);
  }
});

test('an acknowledgement of another rule, or without the name of the plugin, does not count', () => {
  for (const id of ['ecs-arch::asset-platform-unset', RULE]) {
    const app = newApp();
    const web = taskIn(new Stack(app, 'Web'));
    Validations.of(web.task).acknowledge({ id, reason: 'something else' });
    checked(app, () => ({ findings: [finding(web, 'web')] }));
    assert.equal(synthesize(app).failed, true, id);
  }
});

test('findings in a stage and in a nested stack reach their constructs', () => {
  const app = newApp();
  const stack = new Stack(new Stage(app, 'Prod'), 'Web');
  const web = taskIn(stack);
  const nested = taskIn(new NestedStack(stack, 'Nested'));
  checked(app, () => ({ findings: [finding(web, 'web'), finding(nested, 'web')] }));
  const { violations } = synthesize(app);
  assert.deepEqual(
    violations.map(({ violatingConstructs }) => violatingConstructs[0].constructPath),
    ['Prod/Web/Task/web', 'Prod/Web/Nested/Task/web'],
  );
  assert.match(
    violations[0].violatingConstructs[0].cloudFormationResource?.templatePath ?? '',
    /^assembly-Prod[/\\]ProdWeb/,
  );
});

test('findings in a nested stack can be acknowledged there', () => {
  const app = newApp();
  const nested = taskIn(new NestedStack(new Stack(app, 'Web'), 'Nested'));
  Validations.of(nested.task).acknowledge({ id: `ecs-arch::${RULE}`, reason: 'known' });
  checked(app, () => ({ findings: [finding(nested, 'web')] }));
  assert.equal(synthesize(app).failed, false);
});

test('a check on a stage reports that stage only', () => {
  const app = newApp();
  const prod = new Stage(app, 'Prod');
  const web = taskIn(new Stack(prod, 'Web'));
  const other = taskIn(new Stack(new Stage(app, 'Test'), 'Web'));
  const check = new FakedCheck(() => ({ findings: [finding(web, 'web'), finding(other, 'web')] }));
  Validations.of(prod).addPlugins(check);
  const { violations } = synthesize(app);
  assert.deepEqual(check.requests[0].paths, [app.outdir]);
  assert.deepEqual(
    violations.map(({ violatingConstructs }) => violatingConstructs[0].constructPath),
    ['Prod/Web/Task/web'],
  );
});

test('stacks of several accounts and regions cost one question, and each finding is reported once', () => {
  const app = newApp();
  const tasks = ['eu-west-1', 'us-east-1', 'us-west-2'].map((region) =>
    taskIn(new Stack(app, region, { env: { account: '123456789012', region } })),
  );
  const unowned = finding(tasks[0], null, { stack: 'Elsewhere', resource: null, constructPath: null, location: null });
  const check = checked(app, () => ({ findings: [...tasks.map((task) => finding(task, 'web')), unowned] }));
  const { violations } = synthesize(app);
  assert.equal(check.requests.length, 1);
  assert.deepEqual(violations.map(({ violatingConstructs }) => violatingConstructs[0].constructPath).sort(), [
    'Elsewhere',
    'eu-west-1/Task/web',
    'us-east-1/Task/web',
    'us-west-2/Task/web',
  ]);
});

test('another synthesis asks again', () => {
  const app = newApp();
  const web = taskIn(new Stack(app, 'Web'));
  const check = checked(app, () => ({ findings: [finding(web, 'web', { severity: 'warning' })] }));
  const before = console.error;
  console.error = () => {};
  try {
    app.synth({ force: true });
    app.synth({ force: true });
  } finally {
    console.error = before;
  }
  assert.equal(check.requests.length, 2);
  const again = newApp();
  taskIn(new Stack(again, 'Web'));
  Validations.of(again).addPlugins(check);
  synthesize(again);
  assert.equal(check.requests.length, 3);
});

test('a core that throws, answers an error or answers no JSON is a warning that says so', () => {
  const failing: Record<string, (app: App) => void> = {
    'lock file `x` is not JSON': (app) =>
      checked(app, () => {
        throw new Error('lock file `x` is not JSON');
      }),
    'cannot read it': (app) => checked(app, () => ({ error: 'cannot read it' })),
    undefined: (app) => checked(app, () => undefined),
  };
  for (const [sentence, attach] of Object.entries(failing)) {
    const app = newApp();
    for (const region of ['eu-west-1', 'us-east-1']) {
      taskIn(new Stack(app, region, { env: { account: '123456789012', region } }));
    }
    attach(app);
    const { failed, violations } = synthesize(app);
    assert.equal(failed, false);
    assert.deepEqual(
      violations.map(({ ruleName, severity }) => [ruleName, severity]),
      [['check-incomplete', 'warning']],
    );
    assert.ok(violations[0].description.includes(sentence), violations[0].description);
  }
});

test('a missing binary is a warning that names what was looked for', () => {
  class Missing extends ArchitectureCheck {
    protected _binding(): NativeBinding {
      throw new Error('looked for /x/native/ecs-arch.linux-x64-gnu.node');
    }
  }
  const app = newApp();
  taskIn(new Stack(app, 'Web'));
  Validations.of(app).addPlugins(new Missing());
  const { failed, text, violations } = synthesize(app);
  assert.equal(failed, false);
  assert.match(violations[0].description, /check is incomplete: looked for \/x\/native\/ecs-arch\.linux-x64-gnu\.node/);
  assert.match(text, /ecs-arch\.linux-x64-gnu\.node/);
});

test('a file that the core could not read is a warning beside the findings', () => {
  const app = newApp();
  const web = taskIn(new Stack(app, 'Web'));
  const unreadable = [{ file: 'asset.1/Dockerfile', message: 'permission denied' }];
  checked(app, () => ({ findings: [finding(web, 'web')], unreadable }));
  const { failed, violations } = synthesize(app);
  assert.equal(failed, true);
  assert.deepEqual(
    violations.map(({ ruleName }) => ruleName),
    [RULE, 'check-incomplete'],
  );
  assert.match(violations[1].description, /`asset\.1\/Dockerfile` could not be read: permission denied/);
});

test('called without an assembly around the templates, it says so', () => {
  const templatePath = path.join(scratch(), 'Web.template.json');
  const report = new FakedCheck(() => ({ findings: [] })).validate({
    templatePaths: [templatePath],
    stackTemplates: [{ stackConstructPath: 'Web', templatePath }],
    appConstruct: newApp(),
    accountId: undefined,
    region: undefined,
  });
  assert.equal(report.success, true);
  assert.match(report.violations[0].description, /looked for .*manifest\.json/);
});
