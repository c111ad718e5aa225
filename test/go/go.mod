module crowdsec-preflight.test/go

go 1.19
