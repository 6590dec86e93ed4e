import { type App, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (cpuArchitecture?: string) => (app: App) => {
  const stack = new Stack(app, 'Factory');
  const cluster = new ecs.Cluster(stack, 'Cluster');
  const taskDefinition = new ecs.ExternalTaskDefinition(stack, 'Task');
  taskDefinition.addContainer('gateway', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    memoryLimitMiB: 256,
  });
  if (cpuArchitecture !== undefined) {
    (taskDefinition.node.defaultChild as ecs.CfnTaskDefinition).runtimePlatform = { cpuArchitecture };
  }
  new ecs.ExternalService(stack, 'Service', { cluster, taskDefinition });
};

export default checkedApp({
  title: "machines of one's own, and the task declares another architecture than the image has",
  variants: {
    // Nobody says whether it is Linux or Windows; the processor is wrong in either case.
    fails: {
      build: service('X86_64'),
      expect: [{ container: 'gateway', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: null }],
    },
    'is not known as nobody says which machines': {
      build: service(),
      expect: [{ container: 'gateway', verdict: 'unknown', imagePlatforms: ['linux/arm64'], runsOn: null }],
    },
    runs: {
      build: service('ARM64'),
      expect: [{ container: 'gateway', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
