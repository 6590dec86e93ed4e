import { type App, Stack } from 'aws-cdk-lib';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

const service = (cpuArchitecture?: string) => (app: App) => {
  const stack = new Stack(app, 'Shop');
  const image = new DockerImageAsset(stack, 'Image', { directory: dockerContext, platform: Platform.LINUX_ARM64 });
  const cluster = new ecs.CfnCluster(stack, 'Cluster');
  const task = new ecs.CfnTaskDefinition(stack, 'Task', {
    family: 'web',
    requiresCompatibilities: ['FARGATE'],
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    runtimePlatform: { cpuArchitecture, operatingSystemFamily: 'LINUX' },
    containerDefinitions: [{ name: 'web', image: image.imageUri }],
  });
  new ecs.CfnService(stack, 'Service', {
    cluster: cluster.ref,
    launchType: 'FARGATE',
    taskDefinition: task.ref,
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-0123456789abcdef0'] } },
  });
};

const web = { container: 'web', task: 'Shop/Task', imagePlatforms: ['linux/arm64'] };

export default checkedApp({
  title: 'an app of level-1 constructs, where nothing checks a spelling',
  variants: {
    fails: {
      build: service(),
      expect: [{ ...web, verdict: 'fails', rules: ['image-platform-mismatch'], runsOn: ['linux/amd64'] }],
    },
    'fails when misspelled': {
      build: service('arm64'),
      expect: [{ ...web, verdict: 'fails', rules: ['architecture-misspelled'] }],
    },
    runs: { build: service('ARM64'), expect: [{ ...web, verdict: 'runs', runsOn: ['linux/arm64'] }] },
  },
});
