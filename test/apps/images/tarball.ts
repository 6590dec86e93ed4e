import { type App, Stack } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { savedImage } from '../archive.ts';
import { checkedApp } from '../checked-app.ts';

const service =
  (archive: string, container: Partial<ecs.ContainerDefinitionOptions> = {}) =>
  (app: App) => {
    const stack = new Stack(app, 'Shop');
    const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
      runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
    });
    taskDefinition.addContainer('server', { image: ecs.ContainerImage.fromTarball(archive), ...container });
    new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
  };

const server = { container: 'server', runsOn: ['linux/arm64'] } as const;

export default checkedApp({
  title: 'an image from a `docker save` archive, whose platform only the archive knows',
  variants: {
    fails: {
      build: service(savedImage('amd64')),
      expect: [{ ...server, verdict: 'fails', rules: ['image-platform-mismatch'], imagePlatforms: ['linux/amd64'] }],
    },
    runs: {
      build: service(savedImage('arm64')),
      expect: [{ ...server, verdict: 'runs', imagePlatforms: ['linux/arm64'] }],
    },
    'fails as the archive holds another architecture than it says': {
      build: service(savedImage('arm64', 'amd64')),
      expect: [{ ...server, verdict: 'fails', rules: ['image-contents-mismatch'], imagePlatforms: ['linux/amd64'] }],
    },
    'runs as the archive holds what the task needs, whatever it says': {
      build: service(savedImage('amd64', 'arm64')),
      expect: [{ ...server, verdict: 'runs', imagePlatforms: ['linux/arm64'] }],
    },
    'fails as the task starts a program that the image lacks': {
      build: service(savedImage('arm64'), { entryPoint: ['/usr/bin/server'] }),
      expect: [{ ...server, verdict: 'fails', rules: ['entrypoint-not-found'] }],
    },
    'runs as the task starts a program that the image has': {
      build: service(savedImage('arm64'), { entryPoint: ['/server'], command: ['--port', '80'] }),
      expect: [{ ...server, verdict: 'runs', imagePlatforms: ['linux/arm64'] }],
    },
  },
});
