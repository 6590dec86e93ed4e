import { type App, Aws, CfnMapping, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (region: string) => (app: App) => {
  const stack = new Stack(app, 'Shop', { env: { account: '123456789012', region } });
  const regions = new CfnMapping(stack, 'Regions', {
    mapping: { 'eu-west-1': { architecture: 'ARM64' }, 'ap-south-2': { architecture: 'X86_64' } },
  });
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.of(regions.findInMap(Aws.REGION, 'architecture')) },
  });
  taskDefinition.addContainer('web', {
    image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
  });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

export default checkedApp({
  title: 'a mapping gives the architecture by region, and the region is known',
  variants: {
    fails: {
      build: service('ap-south-2'),
      expect: [{ container: 'web', verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/amd64'] }],
    },
    runs: {
      build: service('eu-west-1'),
      expect: [{ container: 'web', verdict: 'runs', runsOn: ['linux/arm64'] }],
    },
  },
});
