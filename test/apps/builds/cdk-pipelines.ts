import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, Stack, Stage } from 'aws-cdk-lib';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as pipelines from 'aws-cdk-lib/pipelines';
import { checkedApp } from '../checked-app.ts';

const env = { account: '111111111111', region: 'eu-west-1' };
const arm = codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0;
const installs = 'FROM public.ecr.aws/docker/library/node:22\nRUN npm install --global http-server\n';
const copies = 'FROM public.ecr.aws/docker/library/httpd:2.4\nCOPY . /usr/local/apache2/htdocs\n';
const crossCompiles = [
  'FROM --platform=$BUILDPLATFORM public.ecr.aws/docker/library/golang:1.24 AS build',
  'ARG TARGETARCH',
  'RUN GOARCH=$TARGETARCH go install example.com/shop@latest',
  'FROM scratch',
  'COPY --from=build /go/bin /bin',
  'ENTRYPOINT ["/bin/web"]',
].join('\n');

interface Shop {
  readonly buildImage?: codebuild.IBuildImage;
  readonly dockerfile?: string;
  readonly platform?: Platform;
  readonly publishAssetsInParallel?: boolean;
  readonly commands?: string[];
  /** The same stack, deployed by hand to the same account and region. */
  readonly byHand?: boolean;
}

/** A pipeline that publishes the image of a task in one of its stages. */
const shop = (props: Shop) => (app: App) => {
  const directory = mkdtempSync(join(tmpdir(), 'shop-'));
  writeFileSync(join(directory, 'Dockerfile'), props.dockerfile ?? installs);
  const web = (stack: Stack) => {
    const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
      runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
    });
    const image = ecs.ContainerImage.fromAsset(directory, { platform: props.platform });
    taskDefinition.addContainer('web', { image });
  };
  const stack = new Stack(app, 'Pipeline', { env });
  const { buildImage, commands } = props;
  const pipeline = new pipelines.CodePipeline(stack, 'Pipeline', {
    synth: new pipelines.ShellStep('Synth', {
      input: pipelines.CodePipelineSource.s3(new s3.Bucket(stack, 'Source'), 'source.zip'),
      commands: ['npx cdk synth'],
    }),
    publishAssetsInParallel: props.publishAssetsInParallel,
    assetPublishingCodeBuildDefaults: {
      buildEnvironment: buildImage && { buildImage, privileged: true },
      partialBuildSpec:
        commands && codebuild.BuildSpec.fromObject({ version: '0.2', phases: { install: { commands } } }),
    },
  });
  const prod = new Stage(stack, 'Prod', { env });
  web(new Stack(prod, 'Shop'));
  pipeline.addStage(prod);
  if (props.byHand) web(new Stack(app, 'Development', { env }));
};

const web = { container: 'web', task: 'Pipeline/Prod/Shop', stack: 'Pipeline/Prod/Shop' } as const;
const rules = ['codebuild-builds-other-architecture'];
const fails = [{ ...web, verdict: 'fails', rules, imagePlatforms: ['linux/amd64'] }] as const;
const runs = [{ ...web, verdict: 'runs', imagePlatforms: ['linux/arm64'] }] as const;
const atRisk = [{ ...web, verdict: 'at-risk', rules, imagePlatforms: ['linux/arm64'] }] as const;
const unset = { verdict: 'at-risk', rules: ['asset-platform-unset'], imagePlatforms: null } as const;
const binfmt = 'docker run --privileged --rm tonistiigi/binfmt --install all';
const platform = Platform.LINUX_ARM64;

export default checkedApp({
  title: 'CDK Pipelines builds an asset without a platform on its own x86_64 machines, for an ARM64 task',
  variants: {
    fails: { build: shop({}), expect: fails },
    runs: { build: shop({ buildImage: arm }), expect: runs },
    'fails with one project for all assets': { build: shop({ publishAssetsInParallel: false }), expect: fails },
    'runs with one project for all assets': {
      build: shop({ publishAssetsInParallel: false, buildImage: arm }),
      expect: runs,
    },
    'is at risk without an emulator': { build: shop({ platform }), expect: atRisk },
    'runs with an emulator': { build: shop({ platform, commands: [binfmt] }), expect: runs },
    'runs where nothing of the other platform runs in the build': {
      build: shop({ platform, dockerfile: copies }),
      expect: runs,
    },
    'runs where the build cross-compiles': { build: shop({ platform, dockerfile: crossCompiles }), expect: runs },
    'is not certain where somebody may deploy by hand': {
      build: shop({ byHand: true }),
      expect: [
        { ...web, ...unset },
        { container: 'web', task: 'Development', ...unset },
      ],
    },
  },
});
