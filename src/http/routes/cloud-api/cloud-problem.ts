import { GatewayError } from '../../../actors/domain/errors.ts';
import { CLOUD_CODES, CLOUD_ERRORS, type CloudCode } from '../../../infra/cloud-errors.ts';
import type { Issue, Problem } from '../../middleware/error-handler.ts';

/** Meta's code for an error: that of its fault where it has one, else that of ours. */
function cloudCodeOf({ code, details }: GatewayError): CloudCode {
  return (details?.cloudCode as CloudCode | undefined) ?? CLOUD_CODES[code];
}

/** What is wrong, in words: the fields at fault, or the message. */
function detailsOf({ message, details }: GatewayError): string {
  const issues = (details?.issues ?? []) as Issue[];
  return issues.map((issue) => `${issue.path} ${issue.message}`.trim()).join('; ') || message;
}

/** An error as Meta's Cloud API answers with it. */
export function asCloudProblem(error: GatewayError, traceId: string): Problem {
  const code = cloudCodeOf(error);
  const { title, status } = CLOUD_ERRORS[code];
  return {
    status,
    body: {
      error: {
        message: `(#${code}) ${title}`,
        type: 'OAuthException',
        code,
        error_data: { messaging_product: 'whatsapp', details: detailsOf(error) },
        fbtrace_id: traceId,
      },
    },
  };
}

/** A 400 with the code that Meta has for its fault. */
export function refused(cloudCode: CloudCode, issues: Issue[], message: string): GatewayError {
  return new GatewayError('INVALID_PAYLOAD', message, { details: { issues, cloudCode } });
}
