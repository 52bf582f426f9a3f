import { expect } from 'chai';
import { GatewayError } from '../../src/actors/domain/errors.ts';

/** The `GatewayError` that a promise rejects with; any other outcome fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<GatewayError> {
  const error = await promise.then(
    () => expect.fail('resolved where it should have failed'),
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(GatewayError);
  return error as GatewayError;
}
