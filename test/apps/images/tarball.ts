import { type App, Stack } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { savedImage } from '../archive.ts';
import { checkedApp } from '../checked-app.ts';

const service = (archive: string) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
    runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
  });
  taskDefinition.addContainer('server', { image: ecs.ContainerImage.fromTarball(archive) });
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
  },
});
