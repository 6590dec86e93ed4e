import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as patterns from 'aws-cdk-lib/aws-ecs-patterns';
import { checkedApp, dockerContext } from '../checked-app.ts';

const arm64 = { cpuArchitecture: ecs.CpuArchitecture.ARM64 };

const service = (ofTask?: ecs.RuntimePlatform, ofPattern?: ecs.RuntimePlatform) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', { runtimePlatform: ofTask });
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    portMappings: [{ containerPort: 8080 }],
  });
  new patterns.NetworkLoadBalancedFargateService(stack, 'Web', { taskDefinition, runtimePlatform: ofPattern });
};

export default checkedApp({
  title: 'a pattern given both a task definition and a runtimePlatform forgets the latter',
  variants: {
    fails: {
      build: service(undefined, arm64),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/amd64'] }],
    },
    runs: {
      build: service(arm64, undefined),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
