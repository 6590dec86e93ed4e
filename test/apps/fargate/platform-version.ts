import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (platformVersion: ecs.FargatePlatformVersion) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
  });
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
  });
  new ecs.FargateService(stack, 'Service', {
    cluster: new ecs.Cluster(stack, 'Cluster'),
    taskDefinition,
    platformVersion,
  });
};

export default checkedApp({
  title: 'ARM64 on a Fargate platform version that knows only X86_64',
  variants: {
    fails: {
      build: service(ecs.FargatePlatformVersion.VERSION1_3),
      expect: [{ container: 'web', verdict: 'fails', rules: ['architecture-unsupported'] }],
    },
    runs: {
      build: service(ecs.FargatePlatformVersion.VERSION1_4),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
    'runs on the latest version': {
      build: service(ecs.FargatePlatformVersion.LATEST),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
