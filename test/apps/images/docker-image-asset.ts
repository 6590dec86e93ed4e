import { type App, Stack } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (platform: Platform) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const asset = new DockerImageAsset(stack, 'Image', { directory: dockerContext, platform });
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.X86_64 },
  });
  taskDefinition.addContainer('by-asset', { image: ecs.ContainerImage.fromDockerImageAsset(asset) });
  taskDefinition.addContainer('by-uri', { image: ecs.ContainerImage.fromRegistry(asset.imageUri), essential: false });
  taskDefinition.addContainer('by-tag', {
    image: ecs.ContainerImage.fromEcrRepository(asset.repository, asset.imageTag),
    essential: false,
  });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

const containers = ['by-asset', 'by-uri', 'by-tag'];

export default checkedApp({
  title: 'one image asset, given to containers in three ways',
  variants: {
    fails: {
      build: service(Platform.LINUX_ARM64),
      expect: containers.map((container) => ({
        container,
        verdict: 'fails',
        rules: ['image-platform-mismatch'],
        imagePlatforms: ['linux/arm64'],
      })),
    },
    runs: {
      build: service(Platform.LINUX_AMD64),
      expect: containers.map((container) => ({ container, verdict: 'runs', imagePlatforms: ['linux/amd64'] })),
    },
  },
});
