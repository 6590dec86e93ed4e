import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as patterns from 'aws-cdk-lib/aws-ecs-patterns';
import { checkedApp, dockerContext } from '../checked-app.ts';

const worker = (runtimePlatform?: ecs.RuntimePlatform) => (app: App) => {
  const stack = new Stack(app, 'Orders');
  new patterns.QueueProcessingFargateService(stack, 'Worker', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    runtimePlatform,
  });
};

export default checkedApp({
  title: 'QueueProcessingFargateService with an arm64 image and no runtimePlatform',
  variants: {
    fails: {
      build: worker(),
      expect: [
        {
          container: 'QueueProcessingContainer',
          verdict: 'fails',
          rules: ['image-platform-mismatch'],
          runsOn: ['linux/amd64'],
        },
      ],
    },
    runs: {
      build: worker({ cpuArchitecture: ecs.CpuArchitecture.ARM64 }),
      expect: [{ container: 'QueueProcessingContainer', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
