import { type App, Stack } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (platform: Platform) => (app: App) => {
  const images = new Stack(app, 'Images');
  const asset = new DockerImageAsset(images, 'Web', { directory: dockerContext, platform });

  const shop = new Stack(app, 'Shop');
  const taskDefinition = new ecs.FargateTaskDefinition(shop, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
  });
  taskDefinition.addContainer('web', { image: ecs.ContainerImage.fromDockerImageAsset(asset) });
  new ecs.FargateService(shop, 'Service', { cluster: new ecs.Cluster(shop, 'Cluster'), taskDefinition });
};

export default checkedApp({
  title: "the image is an asset of another stack, so its platform stands in that stack's asset manifest",
  variants: {
    fails: {
      build: service(Platform.LINUX_AMD64),
      expect: [
        {
          container: 'web',
          stack: 'Shop',
          verdict: 'fails',
          rules: ['image-platform-mismatch'],
          imagePlatforms: ['linux/amd64'],
        },
      ],
    },
    runs: {
      build: service(Platform.LINUX_ARM64),
      expect: [{ container: 'web', stack: 'Shop', verdict: 'runs', imagePlatforms: ['linux/arm64'] }],
    },
  },
});
