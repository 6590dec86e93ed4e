// Generates cloud assemblies as large apps have them, in the CDK's own formatting; the same bytes every time.
import fs from 'node:fs';
import path from 'node:path';

/** A placeholder of CloudFormation, which looks like one of JavaScript. */
const placeholder = (name) => `\${${name}}`;

const account = placeholder('AWS::AccountId');
const region = placeholder('AWS::Region');
const repository = `cdk-hnb659fds-container-assets-${account}-${region}`;

/** A resource as the CDK writes it. */
function resource(stack, id, type, properties) {
  return [`${id}`, { Type: type, Properties: properties, Metadata: { 'aws:cdk:path': `${stack}/${id}/Resource` } }];
}

function hash(number) {
  return number.toString(16).padStart(64, '0');
}

function template(stack, number, count) {
  const resources = [
    resource(stack, 'Cluster', 'AWS::ECS::Cluster', {}),
    resource(stack, 'Task', 'AWS::ECS::TaskDefinition', {
      ContainerDefinitions: ['web', 'sidecar'].map((name, index) => ({
        Essential: true,
        Image: {
          'Fn::Sub': `${account}.dkr.ecr.${region}.\${AWS::URLSuffix}/${repository}:${hash(2 * number + index)}`,
        },
        Name: name,
        LogConfiguration: {
          LogDriver: 'awslogs',
          Options: { 'awslogs-group': { Ref: 'Role5' }, 'awslogs-region': { Ref: 'AWS::Region' } },
        },
      })),
      Cpu: '512',
      Family: `${stack}Task`,
      Memory: '1024',
      NetworkMode: 'awsvpc',
      RequiresCompatibilities: ['FARGATE'],
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
    }),
    resource(stack, 'Service', 'AWS::ECS::Service', {
      Cluster: { Ref: 'Cluster' },
      LaunchType: 'FARGATE',
      TaskDefinition: { Ref: 'Task' },
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [{ Ref: 'Subnet1' }, { Ref: 'Subnet2' }] } },
    }),
  ];
  const policy = (index) => ({
    PolicyDocument: {
      Statement: [
        {
          Action: ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
          Effect: 'Allow',
          Resource: {
            'Fn::Join': [
              '',
              ['arn:', { Ref: 'AWS::Partition' }, `:ecr:${region}:repository/`, { Ref: `Role${index}` }],
            ],
          },
        },
      ],
      Version: '2012-10-17',
    },
    Roles: [{ Ref: `Role${index}` }],
  });
  for (let index = 0; resources.length < count; index += 1) {
    resources.push(
      resource(stack, `Role${index}`, 'AWS::IAM::Role', {
        AssumeRolePolicyDocument: {
          Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' } }],
          Version: '2012-10-17',
        },
      }),
      resource(stack, `Policy${index}`, 'AWS::IAM::Policy', policy(index)),
      resource(stack, `Group${index}`, 'AWS::EC2::SecurityGroup', {
        GroupDescription: `${stack}/Group${index}`,
        SecurityGroupEgress: [
          { CidrIp: '0.0.0.0/0', Description: 'Allow all outbound traffic by default', IpProtocol: '-1' },
        ],
        VpcId: { Ref: 'Vpc' },
      }),
      resource(stack, `Alarm${index}`, 'AWS::CloudWatch::Alarm', {
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        Dimensions: [{ Name: 'ServiceName', Value: { 'Fn::GetAtt': ['Service', 'Name'] } }],
        EvaluationPeriods: 3,
        MetricName: 'CPUUtilization',
        Namespace: 'AWS/ECS',
        Period: 60,
        Threshold: 80,
      }),
    );
  }
  return { Resources: Object.fromEntries(resources.slice(0, count)) };
}

/** Writes an assembly of `stacks` stacks with `count` resources each; returns its template files. */
export function generate(directory, stacks, count) {
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  const artifacts = {};
  const templates = [];
  for (let number = 0; number < stacks; number += 1) {
    const stack = `Stack${number}`;
    const images = [0, 1].map((index) => [
      hash(2 * number + index),
      {
        source: { directory: `asset.${hash(2 * number + index)}`, platform: 'linux/arm64' },
        destinations: { here: { repositoryName: repository, imageTag: hash(2 * number + index) } },
      },
    ]);
    const file = `${stack}.template.json`;
    fs.writeFileSync(path.join(directory, file), JSON.stringify(template(stack, number, count), null, 1));
    fs.writeFileSync(
      path.join(directory, `${stack}.assets.json`),
      JSON.stringify({ version: '55.0.0', files: {}, dockerImages: Object.fromEntries(images) }, null, 2),
    );
    artifacts[`${stack}.assets`] = { type: 'cdk:asset-manifest', properties: { file: `${stack}.assets.json` } };
    artifacts[stack] = {
      type: 'aws:cloudformation:stack',
      environment: 'aws://unknown-account/unknown-region',
      properties: { templateFile: file },
      dependencies: [`${stack}.assets`],
      displayName: stack,
    };
    templates.push(path.join(directory, file));
  }
  fs.writeFileSync(path.join(directory, 'manifest.json'), JSON.stringify({ version: '55.0.0', artifacts }, null, 2));
  return templates;
}
