import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (platform: Platform, cpuArchitecture: ecs.CpuArchitecture) => (app: App) => {
  const stack = new Stack(app, 'Devices');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', { runtimePlatform: { cpuArchitecture } });
  taskDefinition.addContainer('bridge', { image: ecs.ContainerImage.fromAsset(dockerContext, { platform }) });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

const armV7 = Platform.custom('linux/arm/v7');

export default checkedApp({
  title: 'a 32-bit Arm image',
  variants: {
    fails: {
      build: service(armV7, ecs.CpuArchitecture.X86_64),
      expect: [
        {
          container: 'bridge',
          verdict: 'fails',
          rules: ['image-platform-mismatch'],
          imagePlatforms: ['linux/arm/v7'],
          runsOn: ['linux/amd64'],
        },
      ],
    },
    // Graviton2 and 3 execute 32-bit code, Graviton4 does not, and Fargate does not say which it gives.
    'is a guess on ARM64': {
      build: service(armV7, ecs.CpuArchitecture.ARM64),
      expect: [{ container: 'bridge', verdict: 'unknown', imagePlatforms: ['linux/arm/v7'], runsOn: ['linux/arm64'] }],
    },
    runs: {
      build: service(Platform.LINUX_ARM64, ecs.CpuArchitecture.ARM64),
      expect: [{ container: 'bridge', verdict: 'runs', imagePlatforms: ['linux/arm64'], runsOn: ['linux/arm64'] }],
    },
  },
});
