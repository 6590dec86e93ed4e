import { fileURLToPath } from 'node:url';
import { type App, Stack } from 'aws-cdk-lib';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import { checkedApp } from '../checked-app.ts';

const x86 = codebuild.LinuxBuildImage.AMAZON_LINUX_2023_5;
const arm = codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0;

const commands = (...build: string[]) =>
  codebuild.BuildSpec.fromObject({ version: '0.2', phases: { build: { commands: build } } });
const native = commands('docker build -t $REPOSITORY:latest .', 'docker push $REPOSITORY:latest');
const asset = () => codebuild.BuildSpec.fromAsset(fileURLToPath(new URL('./buildspec.yml', import.meta.url)));
const crossed = 'docker buildx build --platform linux/arm64 -t $REPOSITORY:latest --push .';

/** A project that fills the repository of an ARM64 task, in a stack of its own. */
const app =
  (buildImage: codebuild.IBuildImage, buildSpec: codebuild.BuildSpec | (() => codebuild.BuildSpec), tag = 'latest') =>
  (scope: App) => {
    const images = new Stack(scope, 'Images');
    const repository = new ecr.Repository(images, 'Repository');
    const project = new codebuild.Project(images, 'Build', {
      source: codebuild.Source.gitHub({ owner: 'example', repo: 'shop' }),
      environment: { buildImage, privileged: true },
      environmentVariables: { REPOSITORY: { value: repository.repositoryUri } },
      // An asset belongs to one app.
      buildSpec: typeof buildSpec === 'function' ? buildSpec() : buildSpec,
    });
    repository.grantPullPush(project);
    new events.Rule(images, 'Nightly', {
      schedule: events.Schedule.expression('rate(1 day)'),
      targets: [new targets.CodeBuildProject(project)],
    });

    const shop = new Stack(scope, 'Shop');
    const taskDefinition = new ecs.FargateTaskDefinition(shop, 'Task', {
      runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
    });
    taskDefinition.addContainer('web', { image: ecs.ContainerImage.fromEcrRepository(repository, tag) });
    new ecs.FargateService(shop, 'Service', { cluster: new ecs.Cluster(shop, 'Cluster'), taskDefinition });
  };

const web = { container: 'web', stack: 'Shop', runsOn: ['linux/arm64'] } as const;
const fails = { ...web, verdict: 'fails', imagePlatforms: ['linux/amd64'] } as const;
const runs = { ...web, verdict: 'runs', imagePlatforms: ['linux/arm64'] } as const;
const unknown = { ...web, verdict: 'unknown', imagePlatforms: null } as const;
const ours = ['codebuild-builds-other-architecture'];

export default checkedApp({
  title: 'a CodeBuild project fills the repository of a task, and builds for its own machine',
  variants: {
    fails: { build: app(x86, native), expect: [{ ...fails, rules: ours }] },
    runs: { build: app(arm, native), expect: [runs] },
    'fails with a buildspec that is an asset': { build: app(x86, asset), expect: [{ ...fails, rules: ours }] },
    'runs with a buildspec that is an asset': { build: app(arm, asset), expect: [runs] },
    'is at risk without an emulator': {
      build: app(x86, commands(crossed)),
      expect: [{ ...runs, verdict: 'at-risk', rules: ours }],
    },
    'runs with an emulator': {
      build: app(x86, commands('docker run --privileged --rm tonistiigi/binfmt --install arm64', crossed)),
      expect: [runs],
    },
    'fails with the wrong platform': {
      build: app(x86, commands(crossed.replace('arm64', 'amd64'))),
      expect: [{ ...fails, rules: ['image-platform-mismatch'] }],
    },
    'is not known with a buildspec in the source': {
      build: app(x86, codebuild.BuildSpec.fromSourceFilename('ci/buildspec.yml')),
      expect: [unknown],
    },
    'is not known with another tag': { build: app(x86, native, 'v1'), expect: [unknown] },
    'is not known with a script': { build: app(x86, commands('./build-and-push.sh')), expect: [unknown] },
  },
});
