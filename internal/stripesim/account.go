package stripesim

// accountID is fixed, so that data of one run is known to the next.
const accountID = "acct_1SandboxNoMoney0"

// openAccount makes what every account has from its first day: itself, and the
// portal configuration that saving the Dashboard's portal settings makes.
func (s *Sim) openAccount() {
	if _, known := s.store.byID[accountID]; known {
		return
	}
	s.add("account", object{"id": accountID})
	s.addPortalConfig(object{
		"is_default": true,
		"features": object{
			"invoice_history":     object{"enabled": true},
			"subscription_cancel": object{"enabled": true},
		},
	})
}

func account(s *Sim, _ *call) (object, *apiError) {
	return s.mustFind("account", accountID)
}
