import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const worker = (cpuArchitecture: ecs.CpuArchitecture) => (app: App) => {
  const stack = new Stack(app, 'Jobs');
  const cluster = new ecs.Cluster(stack, 'Cluster', { enableFargateCapacityProviders: true });
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', { runtimePlatform: { cpuArchitecture } });
  taskDefinition.addContainer('worker', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_AMD64 }),
  });
  new ecs.FargateService(stack, 'Service', {
    cluster,
    taskDefinition,
    capacityProviderStrategies: [
      { capacityProvider: 'FARGATE', base: 1 },
      { capacityProvider: 'FARGATE_SPOT', weight: 4 },
    ],
  });
};

export default checkedApp({
  title: 'Fargate Spot for an arm64 task with an amd64 image',
  variants: {
    fails: {
      build: worker(ecs.CpuArchitecture.ARM64),
      expect: [{ container: 'worker', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/arm64'] }],
    },
    runs: {
      build: worker(ecs.CpuArchitecture.X86_64),
      expect: [{ container: 'worker', verdict: 'runs', runsOn: ['linux/amd64'] }],
    },
  },
});
