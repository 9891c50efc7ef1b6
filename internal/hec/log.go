package hec

import "time"

// alarmEvery is how often one endpoint or one kind of trouble may be logged.
const alarmEvery = 30 * time.Second
