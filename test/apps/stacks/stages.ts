import { type App, Stack, Stage } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { checkedApp, dockerContext } from '../checked-app.ts';

class ShopStage extends Stage {
  constructor(app: App, id: string, cpuArchitecture: ecs.CpuArchitecture) {
    super(app, id);
    const stack = new Stack(this, 'Shop');
    const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', { runtimePlatform: { cpuArchitecture } });
    taskDefinition.addContainer('web', {
      image: ecs.ContainerImage.fromAsset(dockerContext, { platform: Platform.LINUX_ARM64 }),
    });
    new ecs.FargateService(stack, 'Service', { cluster: new ecs.Cluster(stack, 'Cluster'), taskDefinition });
  }
}

const beta = { container: 'web', task: 'Beta/Shop/Task', stack: 'Beta/Shop', verdict: 'runs' } as const;
const prod = { container: 'web', task: 'Prod/Shop/Task', stack: 'Prod/Shop' };

export default checkedApp({
  title: 'the same image in two stages, and production differs',
  variants: {
    fails: {
      build(app) {
        new ShopStage(app, 'Beta', ecs.CpuArchitecture.ARM64);
        new ShopStage(app, 'Prod', ecs.CpuArchitecture.X86_64);
      },
      expect: [beta, { ...prod, verdict: 'fails', rules: ['image-platform-mismatch'] }],
    },
    runs: {
      build(app) {
        new ShopStage(app, 'Beta', ecs.CpuArchitecture.ARM64);
        new ShopStage(app, 'Prod', ecs.CpuArchitecture.ARM64);
      },
      expect: [beta, { ...prod, verdict: 'runs' }],
    },
  },
});
