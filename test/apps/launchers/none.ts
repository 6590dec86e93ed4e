import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const image = ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 });

const fargate = (runtimePlatform?: ecs.RuntimePlatform) => (app: App) => {
  const taskDefinition = new ecs.FargateTaskDefinition(new Stack(app, 'Tools'), 'Migrate', { runtimePlatform });
  taskDefinition.addContainer('migrate', { image });
};

const ec2 = (app: App) => {
  const taskDefinition = new ecs.Ec2TaskDefinition(new Stack(app, 'Tools'), 'Migrate');
  taskDefinition.addContainer('migrate', { image, memoryLimitMiB: 256 });
};

export default checkedApp({
  title: 'a task that somebody starts by hand, one day',
  variants: {
    fails: {
      build: fargate(),
      expect: [{ container: 'migrate', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/amd64'] }],
    },
    'is not known on EC2': {
      build: ec2,
      expect: [{ container: 'migrate', verdict: 'unknown', imagePlatforms: ['linux/arm64'], runsOn: null }],
    },
    runs: {
      build: fargate({ cpuArchitecture: ecs.CpuArchitecture.ARM64 }),
      expect: [{ container: 'migrate', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
