import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { ContainerImageBuild } from 'deploy-time-build';
import { checkedApp, dockerContext } from '../checked-app.ts';

const { ARM64, X86_64 } = ecs.CpuArchitecture;

const service = (cpuArchitecture: ecs.CpuArchitecture, platform?: Platform, tag?: string) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const build = new ContainerImageBuild(stack, 'Build', { directory: dockerContext, platform, tag });
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', { runtimePlatform: { cpuArchitecture } });
  const image = tag ? ecs.ContainerImage.fromEcrRepository(build.repository, tag) : build.toEcsDockerImageCode();
  taskDefinition.addContainer('web', { image });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

const web = { container: 'web', stack: 'Shop' } as const;
const native = ['codebuild-builds-other-architecture'];
const given = ['image-platform-mismatch'];

export default checkedApp({
  title: 'an image that deploy-time-build makes in CodeBuild during the deployment',
  variants: {
    fails: {
      build: service(ARM64),
      expect: [{ ...web, verdict: 'fails', rules: native, imagePlatforms: ['linux/amd64'] }],
    },
    runs: {
      build: service(ARM64, Platform.LINUX_ARM64),
      expect: [{ ...web, verdict: 'runs', imagePlatforms: ['linux/arm64'] }],
    },
    'runs on X86_64': {
      build: service(X86_64),
      expect: [{ ...web, verdict: 'runs', imagePlatforms: ['linux/amd64'] }],
    },
    'fails with the platform of another architecture': {
      build: service(X86_64, Platform.LINUX_ARM64),
      expect: [{ ...web, verdict: 'fails', rules: given, imagePlatforms: ['linux/arm64'] }],
    },
    'fails by the tag too': {
      build: service(X86_64, Platform.LINUX_ARM64, 'v1'),
      expect: [{ ...web, verdict: 'fails', rules: given, imagePlatforms: ['linux/arm64'] }],
    },
  },
});
