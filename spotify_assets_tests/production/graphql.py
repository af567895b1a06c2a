"""What is asked of the webserver: the same operations that the UI sends."""

LOCATIONS = """
query { workspaceOrError { ... on Workspace { locationEntries { name loadStatus
  locationOrLoadError { __typename ... on PythonError { message } } } } } }
"""

LAUNCH = """
mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } } } }
"""

RUNS = """
query ($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results {
  runId jobName status rootRunId parentRunId startTime endTime tags { key value }
  repositoryOrigin { repositoryLocationName } } } } }
"""

EVENTS = """
query ($runId: ID!) { logsForRun(runId: $runId) { ... on EventConnection { events {
  __typename ... on MessageEvent { eventType message stepKey timestamp } } } } }
"""

TERMINATE = """
mutation ($runId: String!) { terminateRun(runId: $runId) { __typename ... on PythonError { message } } }
"""

REEXECUTE = """
mutation ($params: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""

BACKFILL = """
mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""

BACKFILL_STATUS = """
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename ... on PartitionBackfill {
  status error { message } } } }
"""

START_SENSOR = """
mutation ($selector: SensorSelector!) { startSensor(sensorSelector: $selector) {
  __typename ... on PythonError { message } } }
"""

DRY_RUN = """
mutation ($selector: SensorSelector!, $cursor: String) { sensorDryRun(selectorData: $selector, cursor: $cursor) {
  __typename ... on DryRunInstigationTick { evaluationResult { cursor skipReason error { message } } } } }
"""

TICKS = """
query ($selector: InstigationSelector!, $limit: Int) { instigationStateOrError(instigationSelector: $selector) {
  ... on InstigationState { name status ticks(limit: $limit) {
    id status timestamp endTimestamp skipReason runIds error { message } } } } }
"""

INSTIGATORS = """
query { repositoriesOrError { ... on RepositoryConnection { nodes { location { name }
  schedules { name scheduleState { status } } sensors { name sensorState { status } } } } } }
"""

CHECKS = """
query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { assetChecksOrError {
  ... on AssetChecks { checks { name executionForLatestMaterialization {
    status runId evaluation { severity success description partition metadataEntries { label } } } } } } } } }
"""

PARTITIONED_CHECKS = """
query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { assetChecksOrError {
  ... on AssetChecks { checks { name partitionStatuses { __typename ... on AssetCheckTimePartitionStatuses {
    ranges { startKey endKey status } } } } } } } } }
"""

FRESHNESS = """
query ($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) { assetKey { path }
  freshnessStatusInfo { freshnessStatus }
  internalFreshnessPolicy { __typename ... on CronFreshnessPolicy { deadlineCron timezone lowerBoundDeltaSeconds } } } }
"""

INSTIGATOR = """
query ($selector: InstigationSelector!) { instigationStateOrError(instigationSelector: $selector) {
  ... on InstigationState { id status instigationType } } }
"""

STOP = {
    "SENSOR": """
mutation ($id: String!) { stopped: stopSensor(id: $id) { __typename ... on PythonError { message } } }""",
    "SCHEDULE": """
mutation ($id: String!) { stopped: stopRunningSchedule(id: $id) { __typename ... on PythonError { message } } }""",
}

MATERIALIZED = """
query ($keys: [AssetKeyInput!]) { assetNodes(assetKeys: $keys) { assetKey { path }
  partitionStats { numMaterialized numFailed numPartitions }
  assetMaterializations(limit: 1) { runId partition } } }
"""
