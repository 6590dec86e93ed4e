import { type App, Stack } from 'aws-cdk-lib';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import * as codepipeline from 'aws-cdk-lib/aws-codepipeline';
import * as actions from 'aws-cdk-lib/aws-codepipeline-actions';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { checkedApp } from '../checked-app.ts';

/** The task begins with a sample image; the pipeline puts what it builds in its place. */
const app =
  (buildImage: codebuild.IBuildImage, ...more: string[]) =>
  (scope: App) => {
    const stack = new Stack(scope, 'Shop');
    const taskDefinition = new ecs.FargateTaskDefinition(stack, 'Task', {
      runtimePlatform: { cpuArchitecture: ecs.CpuArchitecture.ARM64 },
    });
    taskDefinition.addContainer('web', { image: ecs.ContainerImage.fromRegistry('arm64v8/httpd') });
    taskDefinition.addContainer('proxy', { image: ecs.ContainerImage.fromRegistry('arm64v8/nginx') });
    const service = new ecs.FargateService(stack, 'Service', {
      cluster: new ecs.Cluster(stack, 'Cluster'),
      taskDefinition,
    });

    const repository = new ecr.Repository(stack, 'Repository');
    const project = new codebuild.PipelineProject(stack, 'Build', {
      environment: { buildImage, privileged: true },
      environmentVariables: { REPOSITORY: { value: repository.repositoryUri } },
      buildSpec: codebuild.BuildSpec.fromObject({
        version: '0.2',
        phases: {
          build: {
            commands: [
              'IMAGE="$REPOSITORY:$CODEBUILD_RESOLVED_SOURCE_VERSION"',
              `docker build ${more.join(' ')} -t $IMAGE .`,
              'docker push $IMAGE',
            ],
          },
          post_build: {
            commands: [`printf '[{"name":"web","imageUri":"%s"}]' "$IMAGE" > imagedefinitions.json`],
          },
        },
        artifacts: { files: ['imagedefinitions.json'] },
      }),
    });
    const [source, built] = [new codepipeline.Artifact(), new codepipeline.Artifact()];
    const bucket = new s3.Bucket(stack, 'Source', { versioned: true });
    new codepipeline.Pipeline(stack, 'Pipeline', {
      stages: [
        {
          stageName: 'Source',
          actions: [new actions.S3SourceAction({ actionName: 'S3', bucket, bucketKey: 'source.zip', output: source })],
        },
        {
          stageName: 'Build',
          actions: [new actions.CodeBuildAction({ actionName: 'Build', project, input: source, outputs: [built] })],
        },
        {
          stageName: 'Deploy',
          actions: [new actions.EcsDeployAction({ actionName: 'Deploy', service, input: built })],
        },
      ],
    });
  };

const proxy = { container: 'proxy', verdict: 'runs' } as const;

export default checkedApp({
  title: 'a pipeline builds an image for the machine of its project and gives it to a service',
  variants: {
    fails: {
      build: app(codebuild.LinuxBuildImage.STANDARD_7_0),
      expect: [{ container: 'web', verdict: 'fails', rules: ['codebuild-builds-other-architecture'] }, proxy],
    },
    runs: {
      build: app(codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0),
      expect: [{ container: 'web', verdict: 'runs' }, proxy],
    },
    'runs where a variable chooses the platform': {
      build: app(codebuild.LinuxBuildImage.STANDARD_7_0, '--platform', '$PLATFORM'),
      expect: [{ container: 'web', verdict: 'runs' }, proxy],
    },
  },
});
