import { expect, test } from "@jest/globals";
import { CONNECT_CODES, LAPI_LAYERS, lapiLayers, TLS_CODES } from "../../checks/lapi-faults.ts";

test("the parts of the table hold the rows of the whole", () => {
  const codes = [...CONNECT_CODES, ...TLS_CODES];
  expect(lapiLayers(...codes)).toEqual(Object.fromEntries(codes.map((code) => [code, LAPI_LAYERS[code]])));
});
