import { type App, CfnParameter, NestedStack, Stack } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const stacks = (architecture: string) => (app: App) => {
  const shop = new Stack(app, 'Shop');
  const image = new DockerImageAsset(shop, 'Image', { directory: dockerContext, platform: Platform.LINUX_ARM64 });
  const web = new NestedStack(shop, 'Web', { parameters: { Image: image.imageUri, Architecture: architecture } });

  const imageParameter = new CfnParameter(web, 'Image');
  const architectureParameter = new CfnParameter(web, 'Architecture', { default: 'X86_64' });
  const taskDefinition = new ecs.FargateTaskDefinition(web, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.of(architectureParameter.valueAsString) },
  });
  taskDefinition.addContainer('web', { image: ecs.ContainerImage.fromRegistry(imageParameter.valueAsString) });
  new ecs.FargateService(web, 'Service', { cluster: new ecs.Cluster(web, 'Cluster'), taskDefinition });
};

const web = { container: 'web', stack: 'Shop/Web', task: 'Shop/Web/Task/Resource', imagePlatforms: ['linux/arm64'] };

export default checkedApp({
  title: 'a nested stack gets its image and its architecture as parameters',
  variants: {
    fails: {
      build: stacks('X86_64'),
      expect: [{ ...web, verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/amd64'] }],
    },
    runs: { build: stacks('ARM64'), expect: [{ ...web, verdict: 'runs', runsOn: ['linux/arm64'] }] },
  },
});
