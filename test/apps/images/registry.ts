import { type App, Stack } from 'aws-cdk-lib';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp } from '../checked-app.ts';

const service = (image: (stack: Stack) => ecs.ContainerImage) => (app: App) => {
  const stack = new Stack(app, 'Cache');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
  });
  taskDefinition.addContainer('redis', { image: image(stack) });
  new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
};

const registry = (reference: string) => service(() => ecs.ContainerImage.fromRegistry(reference));
const redis = { container: 'redis', runsOn: ['linux/arm64'] } as const;
const unknown = { ...redis, verdict: 'unknown', imagePlatforms: null } as const;

export default checkedApp({
  title: "an image from a registry: its name tells the platform only in Docker's per-architecture namespaces",
  variants: {
    fails: {
      build: registry('amd64/redis:7'),
      expect: [{ ...redis, verdict: 'fails', rules: ['image-platform-mismatch'], imagePlatforms: ['linux/amd64'] }],
    },
    runs: {
      build: registry('arm64v8/redis:7'),
      expect: [{ ...redis, verdict: 'runs', imagePlatforms: ['linux/arm64'] }],
    },
    'is not known from the public gallery': {
      build: registry('public.ecr.aws/docker/library/redis:7'),
      expect: [unknown],
    },
    'is not known from Docker Hub': { build: registry('redis:7'), expect: [unknown] },
    'is not known though the tag looks like it': { build: registry('example/redis:7-amd64'), expect: [unknown] },
    'is not known from a repository of the app': {
      build: service((stack) => ecs.ContainerImage.fromEcrRepository(new ecr.Repository(stack, 'Repository'), 'v1')),
      expect: [unknown],
    },
  },
});
