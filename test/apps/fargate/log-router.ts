import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (platform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task');
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform }),
    logging: ecs.LogDrivers.firelens({ options: { Name: 'cloudwatch' } }),
  });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

// The CDK adds this container, with an image whose reference is read from an SSM parameter at deployment.
const logRouter = {
  container: 'log-router',
  verdict: 'unknown',
  imagePlatforms: null,
  runsOn: ['linux/amd64'],
} as const;

export default checkedApp({
  title: 'the FireLens driver adds a container of its own beside a wrong one',
  variants: {
    fails: {
      build: service(Platform.LINUX_ARM64),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'] }, logRouter],
    },
    runs: { build: service(Platform.LINUX_AMD64), expect: [{ container: 'web', verdict: 'runs' }, logRouter] },
  },
});
