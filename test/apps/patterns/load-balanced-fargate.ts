import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as patterns from 'aws-cdk-lib/aws-ecs-patterns';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (runtimePlatform?: ecs.RuntimePlatform) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  new patterns.ApplicationLoadBalancedFargateService(stack, 'Web', {
    runtimePlatform,
    taskImageOptions: {
      containerPort: 8080,
      image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    },
  });
};

const web = { container: 'web', task: 'Shop/Web/TaskDef/Resource' };

export default checkedApp({
  title: 'ApplicationLoadBalancedFargateService with an arm64 image and no runtimePlatform',
  variants: {
    fails: {
      build: service(),
      expect: [{ ...web, verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/amd64'] }],
    },
    runs: {
      build: service({ cpuArchitecture: ecs.CpuArchitecture.ARM64 }),
      expect: [{ ...web, verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
