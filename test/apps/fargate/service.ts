import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (runtimePlatform?: ecs.RuntimePlatform) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', { runtimePlatform });
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
  });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

const web = { container: 'web', stack: 'Shop', task: 'Shop/Task/Resource', imagePlatforms: ['linux/arm64'] };

export default checkedApp({
  title: 'an image built for arm64, and the task definition says nothing',
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
