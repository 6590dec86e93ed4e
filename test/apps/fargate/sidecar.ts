import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (proxyPlatform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
  });
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
  });
  taskDefinition.addContainer('proxy', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: proxyPlatform, buildArgs: { ROLE: 'proxy' } }),
    essential: false,
  });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

const web = { container: 'web', verdict: 'runs', imagePlatforms: ['linux/arm64'], runsOn: ['linux/arm64'] } as const;

export default checkedApp({
  title: 'the sidecar is built for another architecture than the task, and is not even essential',
  variants: {
    fails: {
      build: service(Platform.LINUX_AMD64),
      expect: [
        web,
        {
          container: 'proxy',
          verdict: 'fails',
          rules: ['image-platform-mismatch'],
          imagePlatforms: ['linux/amd64'],
          runsOn: ['linux/arm64'],
        },
      ],
    },
    runs: { build: service(Platform.LINUX_ARM64), expect: [web, { ...web, container: 'proxy' }] },
  },
});
